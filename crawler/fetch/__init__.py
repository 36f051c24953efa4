"""HTTP connections, guarded and limited, with the exact bytes recorded; requests, faults, and the crawler's
identity.
"""
