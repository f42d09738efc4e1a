"""How learning works: models fitted by minimising a loss."""
