"""What objects look like in a notebook: tables and curves as HTML, of bounded size.

`markup` writes what is plain text in tables and lists, and escapes all of it; `curve` draws lines
as a picture of its own. Neither knows what it shows, so every room can use them; all do so late,
in ``_repr_html_``.
"""
