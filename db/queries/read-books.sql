-- What the books do not explain, and how far they are kept.
select * from postrider.read_books()
