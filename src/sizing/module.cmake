siyu_links(siyu_base fmt::fmt)
