"""The timetables that the lab ships: three regions, and all of them as "source"."""

HEADER = "flight,origin,destination,departs,seats,price_eur\n"

_NORTH = """\
TL101,AMS,OSL,07:30,180,129.00
TL103,AMS,OSL,18:10,180,99.00
TL111,AMS,HEL,09:45,160,149.50
TL121,AMS,ARN,12:20,174,119.00
"""
_EAST = """\
TL201,AMS,IST,08:05,220,159.00
TL203,AMS,IST,20:40,220,139.00
TL211,AMS,DXB,14:15,300,389.00
TL221,AMS,PEK,11:00,350,549.00
"""
_SOUTH = """\
TL301,AMS,LIS,06:50,186,89.90
TL303,AMS,LIS,16:25,186,109.90
TL311,AMS,ATH,10:10,180,134.00
TL321,AMS,CAI,13:35,260,244.00
"""

SAMPLES = {
    "north": HEADER + _NORTH,
    "east": HEADER + _EAST,
    "south": HEADER + _SOUTH,
    "source": HEADER + _NORTH + _EAST + _SOUTH,
}
