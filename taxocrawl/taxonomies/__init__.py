"""Trees of categories: IAB, Google and users' own, and what is known about their nodes."""
