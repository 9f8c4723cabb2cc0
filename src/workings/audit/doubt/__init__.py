"""How sure an answer is: estimators, each an audit whose scale says its direction and range, and what each is worth."""
