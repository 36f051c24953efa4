"""The connection itself: whom it may reach, which certificates hold, and the exact bytes that went over it."""
