"""What every room shares: findings, limits, prices, exact numbers, queueing laws. Imports nothing else of loadfit."""
