"""The bundled sample site: a small invented newspaper with everything that makes real pages dirty."""
