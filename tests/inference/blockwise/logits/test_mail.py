"""What is sent is received, by name of sender and receiver, until it is discarded."""

import numpy as np
import pytest

from scripts.core import UserError
from scripts.inference.blockwise.logits.mail import Mail

ONE, TWO = (0, 0, 0), (0, 0, 1)


def test_what_is_sent_is_received_until_it_is_discarded(tmp_path):
    mail, sums = Mail(tmp_path / "mail"), np.arange(24, dtype=np.float32).reshape(1, 2, 3, 4)
    assert mail.receive(TWO, ONE) is None
    mail.send(TWO, ONE, sums)
    assert np.array_equal(mail.receive(TWO, ONE), sums)
    assert mail.receive(ONE, TWO) is None
    mail.discard(TWO, [ONE, TWO])
    assert mail.receive(TWO, ONE) is None


def test_a_damaged_file_is_named(tmp_path):
    mail = Mail(tmp_path / "mail")
    mail.send(TWO, ONE, np.zeros((1, 2, 3, 4), np.float32))
    (file,) = mail.folder.iterdir()
    file.write_bytes(file.read_bytes()[:-5])
    with pytest.raises(UserError, match=rf"^{file}.*remove {tmp_path} and begin again"):
        mail.receive(TWO, ONE)
