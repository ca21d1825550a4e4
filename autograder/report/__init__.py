"""Reports: small functions from a class's grades to a file or a screen. They only read grades."""
