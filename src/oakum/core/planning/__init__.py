"""What a rollout does next: plan, check, describe.

Nothing here stores, signs or sends.
"""
