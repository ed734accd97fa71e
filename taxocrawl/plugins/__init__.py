"""The door by which built-ins and strangers enter."""
