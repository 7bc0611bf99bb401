"""Tables of any database that SQLAlchemy knows: sessions, exact types, and how far a watermark may go."""
