"""Write the generated files of the client."""

from generator.files import FOLDER, generated

for name, text in generated().items():
    (FOLDER / name).write_text(text, "utf-8")
