siyu_links(siyu_base siyu_crypto siyu_store siyu_models siyu_engine siyu_identity siyu_policy fmt::fmt)
