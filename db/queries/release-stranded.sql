-- Releases what is held back although nothing is in its way any more.
select postrider.release_stranded()
