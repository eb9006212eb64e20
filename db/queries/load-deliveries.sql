-- What these deliveries need: their endpoints, and their events as the bodies that are signed.
select * from postrider.load_deliveries(?, ?)
