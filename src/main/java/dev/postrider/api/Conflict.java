package dev.postrider.api;

/** Thrown by a route whose request does not fit the state of things: the answer is 409. */
public class Conflict extends ProblemException {

    public Conflict(String detail) {
        super(Problem.of(409, detail));
    }
}
