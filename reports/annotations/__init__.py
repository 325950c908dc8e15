"""What a tenant's members say of a call: notes and flags. Pages and the API show them; calls know nothing of them."""
