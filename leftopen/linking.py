"""Which fields join the records of one person, within a collection and across collections."""
