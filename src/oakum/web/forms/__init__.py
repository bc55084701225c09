"""What people may type, parsed once at the door.  Whether it is allowed is for the services to say."""
