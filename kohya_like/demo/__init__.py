"""The embedded tiny Stable Diffusion: its pictures, the script that made it, and the rulers that measure it."""
