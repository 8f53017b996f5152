"""Claims about the experiment file: what is right, what is wrong and how that is said, what a space holds, what a plan counts."""
