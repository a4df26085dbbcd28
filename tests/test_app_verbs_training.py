"""What a training verb's command line changes, and what it says of a wrong value."""

import pytest

from app.verbs.training import _changed
from db.errors import BadInput
from trainer.settings import TrainerSettings


def test_any_value_of_the_section_can_be_set_for_once() -> None:
    given = TrainerSettings(epochs=3, patience=4)
    values = ["learning_rate=1e-4", "tensorboard=true", "long=drop", "base=/models/a=b"]
    made = _changed(given, values, epochs=5, lora=None)
    assert (made.epochs, made.lora, made.patience) == (5, False, 4)
    assert (made.learning_rate, made.tensorboard, made.long) == (1e-4, True, "drop")
    assert made.base == "/models/a=b"
    assert _changed(given, None) == given


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("patience", "--set 'patience' has no value; write --set KEY=VALUE"),
        ("patiense=2", "unknown key 'patiense'; did you mean 'patience'?"),
        ("patience=0", "patience = 0: input should be greater than or equal to 1"),
        ("long=fold", "long, which is a text: input should be 'truncate' or 'drop'"),
        ("epochs=2", "'epochs' is given twice; give it once"),
    ],
)
def test_a_wrong_value_is_one_sentence(value: str, says: str) -> None:
    with pytest.raises(BadInput) as error:
        _changed(TrainerSettings(), [value], epochs=1)
    assert says in str(error.value)
