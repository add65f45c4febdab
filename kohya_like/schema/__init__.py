"""Ground floor: how an option is declared, grouped, read from TOML and complained about. No torch."""
