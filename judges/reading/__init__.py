"""What a model's answer says, before anybody knows which response was shown first."""
