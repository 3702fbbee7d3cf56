"""How close our events and answers are to AWS's."""
