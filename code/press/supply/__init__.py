"""What the book depends on: packages, reasons, licences."""
