package dev.postrider.api;

import java.util.List;

/** A request that is answered with a problem document. */
public class ProblemException extends RuntimeException {

    private final transient Problem problem;

    public ProblemException(Problem problem) {
        super(problem.detail());
        this.problem = problem;
    }

    public static ProblemException of(int status, String detail) {
        return new ProblemException(Problem.of(status, detail));
    }

    public static ProblemException field(String field, String message) {
        return new ProblemException(
                Problem.of(400, "%s: %s".formatted(field, message), List.of(new Problem.Field(field, message))));
    }

    public Problem problem() {
        return problem;
    }
}
