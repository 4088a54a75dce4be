"""Small page components that show untrusted text safely, the scripts that draw them, and the style."""
