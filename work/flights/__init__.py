"""Flights: timetables, files of them, the table, offers, fares, reports."""
