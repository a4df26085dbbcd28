"""What asks AI raters: providers, prompts and runs; `trust` weighs what they answer."""
