"""E-mails: the message, the conversation with a server, and the folder of mailboxes."""
