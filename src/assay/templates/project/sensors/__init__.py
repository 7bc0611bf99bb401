"""When something runs by itself: the services of a lake, and sensors or schedules of its own."""
