"""Three applications that relay whatever they get: a chain for the acceptance cases."""
