"""What the tests stand on: real servers, our programs, clients and independent readers."""
