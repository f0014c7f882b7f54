"""What an account is told: the margin report, and what explains or compares margins.

In: the reports' fields and how they are filled, JSON and its schema, plain text, HTML, flat tables;
comparisons of models, explanations, changes, what-ifs, membership, surfaces, the resident book.
Not in: any margin arithmetic (margin) and any terminal colour (cli).
"""
