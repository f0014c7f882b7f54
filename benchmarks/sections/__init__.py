"""What is measured, a job a file: each function takes the effort and returns sections."""
