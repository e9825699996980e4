"""Rooms: names under which the endpoint speaks to any number of listeners."""
