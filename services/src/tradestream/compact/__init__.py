"""What is done to stored files once a day: those of closed days are merged, those of old days removed."""
