package dev.postrider.mail;

/**
 * Says why a mail cannot be sent as it is, however often that is tried: the task is a dead letter at once, to be replayed when
 * what was wrong is mended.
 */
public final class UnsendableMail extends MailException {

    private static final long serialVersionUID = 1L;

    /** @param reason names the field of the payload, or says what the server said */
    public UnsendableMail(String reason) {
        super(reason);
    }
}
