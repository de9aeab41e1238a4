"""The seam to the network: requests and sockets as protocols, over aiohttp or in memory."""
