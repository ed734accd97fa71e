"""Why a document got its predictions."""
