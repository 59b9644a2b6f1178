/** Words for the server's answers: why it refused something, and how good the seats are that it chose. */

/** @import { Held, Welcome } from "../../seatmap-client.js" */
/** @import { Why } from "../client/errors.js" */
/** @import { Venue } from "../venue.js" */
/** @import { Facts, Words } from "../words.js" */

/** @type {Record<string, string>} */
const REASONS = {
  held: "refusedHeld",
  sold: "refusedSold",
  blocked: "refusedBlocked",
  allocated: "refusedAllocated",
  group: "refusedGroup",
  companion: "refusedCompanion",
  wheelchair: "refusedWheelchair",
};
/** Reasons that other seats help against. */
export const LOST = ["held", "sold", "blocked", "allocated"];

export class Answers {
  #words;
  #venue;
  #now;

  /**
   * `now()` is the server's time, in milliseconds.
   * @param {Words} words
   * @param {Venue} venue
   * @param {() => number} now
   */
  constructor(words, venue, now) {
    this.#words = words;
    this.#venue = venue;
    this.#now = now;
  }

  /**
   * "C-7 and C-8 are sold." The sentences of a CommandError that names seats or areas.
   * @param {Why} error
   * @param {Welcome["limits"]} [limits] needed where it may be more than one may hold
   */
  refusal({ seats = [], areas = [], stranded = [], retry_at_ms = [], areas_retry_at_ms = [] }, limits) {
    const sentences = [...Map.groupBy(seats, ([, reason]) => reason)].map(([reason, refused]) => {
      if (reason === "limit") return this.limit(limits);
      if (reason === "gap") return this.about("refusedGap", stranded);
      if (reason === "cooling") return this.#cooling(retry_at_ms);
      return this.about(
        REASONS[reason] ?? "refusedOther",
        refused.map(([seat]) => seat),
      );
    });
    for (const [area, reason, count] of areas) {
      const name = this.#venue.name({ area });
      const again = areas_retry_at_ms.find(([cooling]) => cooling === area)?.[1];
      if (reason === "limit") sentences.push(this.limit(limits));
      else if (again) sentences.push(this.#words.say("coolingArea", { area: name, when: this.#venue.when(again) }));
      else sentences.push(this.#words.say(count > 0 ? "refusedArea" : "refusedFull", { area: name, count }));
    }
    return [...new Set(sentences)].join(" ");
  }

  /** @param {Welcome["limits"]} [limits] */
  limit(limits) {
    return this.#words.say("limit", { count: limits?.seats_per_user ?? 0 });
  }

  /**
   * Which seats a choice leaves over, and why that matters.
   * @param {number[]} stranded
   */
  gapHint(stranded) {
    return this.about("gapHint", stranded);
  }

  /**
   * A template about `seats` (and places of areas), whose plural form goes by how many they are.
   * @param {string} name
   * @param {number[]} seats
   * @param {[area: number, places: number][]} areas
   */
  about(name, seats, areas = []) {
    const count = seats.length + areas.reduce((sum, [, places]) => sum + places, 0);
    return this.#words.say(name, { seats: this.#venue.names(seats, areas), count });
  }

  /**
   * Seats that the visitor has had for long, and when all of them may be taken again.
   * @param {[seat: number, ms: number][]} retryAt
   */
  #cooling(retryAt) {
    const seats = retryAt.map(([seat]) => seat);
    const when = this.#venue.when(Math.max(...retryAt.map(([, ms]) => ms)));
    return this.#words.say("refusedCooling", { seats: this.#venue.names(seats), count: seats.length, when });
  }

  /**
   * How good seats are, of a `held` message or an offer that answers a search: what a visitor can see of it.
   * @param {Pick<Held, "seats" | "breakdown">} held
   */
  measure({ seats, breakdown }) {
    const count = Math.round(breakdown.distance); // in seats, because the search asked for no other weight than 1
    if (count === 0) return this.#words.say("measureRight");
    return this.#words.say(seats.length > 1 ? "measureMean" : "measure", { count });
  }

  /**
   * What a search found, in a sentence.
   * @param {Pick<Held, "seats" | "breakdown">} held
   */
  found({ seats, breakdown }) {
    if (breakdown.parts > 0) return this.about("bestNear", seats);
    return this.about(seats.length > 1 ? "bestTogether" : "bestOne", seats);
  }

  /**
   * Any CommandError but "refused", in a sentence.
   * @param {any} error
   */
  failure(error) {
    if (error.code === "outcome_unknown") return this.#words.say("notKnownYet"); // it may have worked
    return this.#explained(error) ?? this.#words.say("wentWrong", { reason: this.#words.whyFailed(error) });
  }

  /**
   * `why`, which tells a CommandError, as a message: with an apology, unless it says itself how it went.
   * @param {any} error
   * @param {string} why
   */
  sorry(error, why) {
    const isExplained = error.code === "refused" || this.#explained(error) !== undefined;
    return isExplained ? this.#words.say("sorry", { why }) : why;
  }

  /**
   * What is to be told of an error in other words than its reason.
   * @param {any} error
   */
  #explained({ code, facts }) {
    /**
     * @param {string} name
     * @param {Facts} [more]
     */
    const say = (name, more) => this.#words.say(name, more);
    /** @type {Record<string, () => string>} */
    const known = {
      hold_gone: () => say("goneMeanwhile"),
      hold_conflict: () => say("goneMeanwhile"),
      moved: () => say("goneMeanwhile"),
      late: () => say("lateAnswer"),
      busy: () => say("tooBusy"),
      forbidden: () => say(facts.scope === "book" ? "mayNotBook" : "mayOnlyWatch"),
      not_on_sale: () => this.#notOnSale(facts),
      no_seats_together: () => this.#notTogether(facts),
      tickets_refused: () => this.#tickets(facts),
    };
    return known[code]?.();
  }

  /** @param {{ on_sale_at_ms?: number }} facts */
  #notOnSale({ on_sale_at_ms = 0 }) {
    if (on_sale_at_ms <= this.#now()) return this.#words.say("saleEnded");
    return this.#words.say("saleBegins", { when: this.#venue.when(on_sale_at_ms) });
  }

  /** @param {{ count: number, groups_of?: number }} facts */
  #notTogether({ count, groups_of }) {
    const groups = groups_of && this.#words.say("onlyInGroups", { count: groups_of });
    return [this.#words.say("notTogether", { count }), groups].filter(Boolean).join(" ");
  }

  /**
   * @param {object} facts
   * @param {string} facts.ticket
   * @param {string} facts.rule
   * @param {number} facts.at_most
   * @param {number} facts.per_companion
   * @param {string[]} [facts.only_with]
   * @param {number} facts.place
   */
  #tickets({ ticket, rule, at_most, per_companion, only_with = [], place }) {
    const { seats } = this.#venue.layout;
    const others = this.#words.either(only_with.map((key) => this.#venue.ticketName(key)));
    const facts = { ticket: this.#venue.ticketName(ticket), others };
    if (rule === "only_with") return this.#words.say("ticketOnlyWith", facts);
    if (rule === "at_most") return this.#words.say("ticketAtMost", { ...facts, count: at_most });
    if (rule === "per_companion") return this.#words.say("ticketPerCompanion", { ...facts, count: per_companion });
    if (rule === "category" && place < seats.length) {
      return this.#words.say("ticketNotThere", { ...facts, seats: this.#venue.names([place]) });
    }
    return this.#words.say("ticketUnknown");
  }
}
