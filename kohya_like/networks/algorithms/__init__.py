"""One file is one algorithm: options, parameters, formula. The registry imports every file here."""
