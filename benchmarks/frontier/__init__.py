"""The margin frontier: what coverage costs under each margin model, out of sample."""
