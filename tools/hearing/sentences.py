"""What is spoken: sentences as an assistant says them, and some that give a recogniser nothing to guess by."""

EVERYDAY = (
    "Good morning, how can I help you today?",
    "The meeting has been moved to Thursday afternoon.",
    "I found three restaurants near your hotel that are open until midnight.",
    "Please make sure that the door is locked before you leave the house.",
    "The train to the airport leaves from the second platform in a quarter of an hour.",
    "Water boils at a lower temperature when you are high up in the mountains.",
    "Your order has been shipped and should arrive by the end of the week.",
    "She has worked as a nurse in the same hospital for more than twenty years.",
    "If the light turns red, wait a moment and then press the button again.",
    "It will be cloudy in the morning, with some sunshine later in the day.",
    "The library closes early on Friday, but it is open all day on Saturday.",
    "I am sorry, but I did not understand the last part of your question.",
    "Add the flour slowly and stir until the mixture is smooth.",
    "Scientists have discovered a new kind of frog in the forests of Brazil.",
    "You can change your password at any time in the settings of your account.",
    "Turn left at the church and follow the road along the river.",
    "My grandfather used to tell us stories about the years he spent at sea.",
    "The results of the election will be announced tomorrow evening.",
    "Remember to take the medicine twice a day, after breakfast and after dinner.",
    "That is all for now, have a wonderful weekend.",
)

HARVARD = (
    "The birch canoe slid on the smooth planks.",
    "Glue the sheet to the dark blue background.",
    "It is easy to tell the depth of a well.",
    "These days a chicken leg is a rare dish.",
    "Rice is often served in round bowls.",
    "The juice of lemons makes fine punch.",
    "The box was thrown beside the parked truck.",
    "Four hours of steady work faced us.",
    "A large size in stockings is hard to sell.",
    "The boy was there when the sun rose.",
    "A rod is used to catch pink salmon.",
    "The source of the huge river is the clear spring.",
    "Kick the ball straight and follow through.",
    "Help the woman get back to her feet.",
    "A pot of tea helps to pass the evening.",
    "Smoky fires lack flame and heat.",
    "The soft cushion broke the man's fall.",
    "The salt breeze came across from the sea.",
    "The girl at the booth sold fifty bonds.",
    "The small pup gnawed a hole in the sock.",
)
"""Of the Harvard sentences (IEEE Transactions on Audio and Electroacoustics 17, 1969)."""

SENTENCES = (*EVERYDAY, *HARVARD)
