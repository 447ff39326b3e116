def draw(code: str, *, key: str) -> None:
    return
