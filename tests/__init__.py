"""The tests, and in the modules beside this one what several of them share."""
