"""What of a study is there, what is missing and what does not join, before anything is computed."""
