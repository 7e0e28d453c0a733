"""Who is calling: Signature Version 4, access keys, and what stands for both in development."""
