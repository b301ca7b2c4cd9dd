"""What holds the guide and the reference to the code and the tests to which they lead."""
